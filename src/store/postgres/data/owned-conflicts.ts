import {
  ColumnNode,
  OperationNodeTransformer,
  RawNode,
  type KyselyPlugin,
  type OnConflictNode,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  type UnknownRow,
} from 'kysely';

import { OWNER_COLUMN } from '../layout.ts';

/** What is unique is unique per user: `ON CONFLICT (sku)` becomes `ON CONFLICT (enginehouse_owner, sku)`. */
export class OwnedConflicts implements KyselyPlugin {
  readonly #transformer = new Transformer();

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    return this.#transformer.transformNode(node, queryId);
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return result;
  }
}

class Transformer extends OperationNodeTransformer {
  protected override transformOnConflict(
    ...args: Parameters<OperationNodeTransformer['transformOnConflict']>
  ): OnConflictNode {
    const node = super.transformOnConflict(...args);
    const { columns, indexExpression } = node;
    if (columns !== undefined && columns.length > 0) {
      const named = columns.some(({ column }) => column.name === OWNER_COLUMN);
      return named ? node : { ...node, columns: [ColumnNode.create(OWNER_COLUMN), ...columns] };
    }
    if (indexExpression === undefined) return node;
    return { ...node, indexExpression: RawNode.create([`${OWNER_COLUMN}, `, ''], [indexExpression]) };
  }
}
