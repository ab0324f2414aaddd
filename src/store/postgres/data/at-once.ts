import type { PoolClient } from 'pg';

/** What `send` sends goes to the server in one write: a query by itself is a system call and a packet of its own. */
export function atOnce<T>({ connection: { stream } }: PoolClient, send: () => T): T {
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}
