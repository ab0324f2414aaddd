import type { EventType } from '../../context/event.ts';
import type { Owner, RunId } from '../../context/ids.ts';
import type { Append, NewEvent } from '../../event/store.ts';

/** What each call of the store's ports is called, and whether its success means that something is durable. */
export const STORE_OPERATIONS = {
  append: 'writes',
  read: 'reads',
  head: 'reads',
  accept: 'writes',
  get: 'reads',
  list: 'reads',
  delete: 'writes',
  take: 'writes',
  put: 'writes',
  pending: 'reads',
  applied: 'writes',
  'artifacts.put': 'writes',
  'artifacts.get': 'reads',
  'artifacts.read': 'reads',
  'artifacts.list': 'reads',
  'artifacts.delete': 'writes',
  'threads.get': 'reads',
  'threads.list': 'reads',
  unfinished: 'reads',
} as const;

/** Without a prefix it is of a run: its log, its row, its lease, its commands. */
export type StoreOperation = keyof typeof STORE_OPERATIONS;

/** One call of the store, as it was made. */
export interface StoreCall {
  readonly operation: StoreOperation;
  /** Whose; `unfinished` is nobody's. */
  readonly owner: Owner | undefined;
  readonly runId: RunId | undefined;
  /** What it adds to a log: the events of an append, the first one of an accept. */
  readonly events: readonly NewEvent[];
  /** The append, when it is one. */
  readonly append: Append | undefined;
}

/** One write, where a process may die. */
export interface StorePoint {
  /** 1, 2, 3 …, in the order in which the store was asked, or in which it answered. */
  readonly n: number;
  readonly operation: StoreOperation;
  /** The types of the events that it adds to a log. */
  readonly types: readonly EventType[];
  readonly owner: Owner | undefined;
  readonly runId: RunId | undefined;
  /** For a person: `append agent_started, agent_thinking`. */
  readonly description: string;
}

export function pointOf(n: number, { operation, events, owner, runId }: StoreCall): StorePoint {
  const types = events.map(({ type }) => type);
  return {
    n,
    operation,
    types,
    owner,
    runId,
    get description() {
      return types.length === 0 ? operation : `${operation} ${types.join(', ')}`;
    },
  };
}
