import { EnginehouseError, reviveError, type ErrorJson } from '../base/errors.ts';
import { CLOSE, mayReconnect } from '../context/wire.ts';

/** How a connection ended. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
  /** What the server said before it closed. */
  readonly error: ErrorJson | undefined;
}

/** Why a client that was closed like this must not come back; `undefined` when it may. */
export function terminalError(end: SocketEnd): EnginehouseError | undefined {
  if (mayReconnect(end.code)) return undefined;
  return end.error === undefined ? errorOf(end) : reviveError(end.error);
}

function errorOf({ code, reason }: SocketEnd): EnginehouseError {
  const said = reason === '' ? `the server closed the connection with ${code}` : reason;
  if (code === CLOSE.unauthenticated) return new EnginehouseError('UNAUTHENTICATED', said, { reason: said });
  if (code === CLOSE.limits) return new EnginehouseError('LIMIT_REACHED', said, { limit: 'connections', max: 0 });
  if (code === CLOSE.badFrame || code === CLOSE.noCommonVersion) {
    return new EnginehouseError('FRAME_INVALID', said, { reason: said });
  }
  return new EnginehouseError('DISCONNECTED', said, { reason: `closed with ${code}` });
}
