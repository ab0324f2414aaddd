import type { IncomingMessage } from 'node:http';

import type { Principal } from '../context/principal.ts';
import type { ClientFrame, Position } from '../context/wire.ts';

type CommandFrame = Extract<ClientFrame, { t: 'cmd' }>;

/** What the bridge asks of the door it serves sockets for. Implemented in `server/`. */
export interface SocketDoor {
  /** The path of the socket, for instance `/ws`. Other upgrades are left to others. */
  readonly path: string;
  /** Says who connects, before the upgrade. @throws `UNAUTHENTICATED`, `FORBIDDEN` */
  authenticate(request: IncomingMessage): Promise<Principal>;
  /** Carries a command out and says where its effect is visible. Repeating an id has one effect and the same answer. */
  command(principal: Principal, command: CommandFrame): Promise<Position>;
}
