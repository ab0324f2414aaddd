import type { TenantId } from '../../context/ids.ts';
import { shownUrl } from '../../store/postgres/target.ts';
import type { KeptDatabase } from './kept-databases.ts';

export interface KeptForTest {
  readonly test: string;
  readonly url: string;
  readonly tenant: TenantId | undefined;
  /** Whether the server is one that the kit started. */
  readonly isPrivate: boolean;
  /** The command that ends it. */
  readonly stopCommand: string | undefined;
}

/** Says how to look into a failed test's database. The password of a server that is not the kit's is not shown. */
export function tellKept({ test, url, tenant, isPrivate, stopCommand }: KeptForTest): void {
  const shown = isPrivate ? url : shownUrl(url);
  const sooner = stopCommand === undefined ? '' : `, or with: ${stopCommand}`;
  const lines = [
    `the database of the failed test "${test}" is kept: psql '${shown}'`,
    ...(tenant === undefined ? [] : [`its rows are those of the tenant ${tenant}`]),
    ...(isPrivate ? [`its server ends a day after the last test${sooner}`] : []),
  ];
  console.error(`enginehouse: ${lines.join('\n  ')}`);
}

export function tellDropped({ test, name }: KeptDatabase): void {
  console.error(`enginehouse: the database ${name} of the failed test "${test}", the oldest kept one, was dropped`);
}
