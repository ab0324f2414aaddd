import type { IncomingMessage } from 'node:http';

import type { Principal } from '../context/principal.ts';
import { runStream, type ClientFrame, type Position } from '../context/wire.ts';
import { callerOfUpgrade } from './caller.ts';
import { cancelRun, startRun } from './commands.ts';
import type { RunDesk } from './door-deps.ts';
import type { Doorkeeper } from './doorkeeper.ts';

type CommandFrame = Extract<ClientFrame, { t: 'cmd' }>;

/** What a bridge of sockets asks of its door, as `bridge/` declares it. */
export interface SocketDoor {
  readonly path: string;
  /** Says who connects, before the upgrade. @throws `UNAUTHENTICATED`, `FORBIDDEN` */
  authenticate(request: IncomingMessage): Promise<Principal>;
  /** Carries a command out and says where its effect is visible. Its id is the run's where none is given, so repeating it attaches. */
  command(principal: Principal, command: CommandFrame): Promise<Position>;
}

/** The same checks and commands as over HTTP. */
export function createSocketDoor(desk: RunDesk, doorkeeper: Doorkeeper): SocketDoor {
  return {
    path: '/ws',
    authenticate: async (incoming) => {
      const caller = callerOfUpgrade(incoming);
      doorkeeper.admit(caller);
      return doorkeeper.identify(caller);
    },
    command: async (principal, command) => {
      if (command.op === 'run.start') {
        const { agent, input, runId = command.id, threadId } = command.a;
        const started = await startRun(desk, principal, { agent, input, runId, threadId });
        return { s: runStream(started.runId), seq: started.seq };
      }
      const { runId, reason } = command.a;
      const { seq } = await cancelRun(desk, principal, { commandId: command.id, runId, reason });
      return { s: runStream(runId), seq };
    },
  };
}
