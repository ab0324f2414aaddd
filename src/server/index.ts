export { createDoors, type Doors } from './create-doors.ts';
export type { CancelRequest, DoorDeps, Readiness, RunDesk } from './door-deps.ts';
export type { Log } from '../base/log.ts';
export { listen, type HttpListener, type ListenAddress, type ListenOptions } from './listen.ts';
export { resolveAuth, type AuthOptions, type ResolvedAuth } from './resolve-auth.ts';
export { signToken, type TokenClaims } from './token.ts';
