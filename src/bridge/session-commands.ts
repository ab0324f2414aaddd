import { EnginehouseError, type ErrorJson } from '../base/errors.ts';
import type { Principal } from '../context/principal.ts';
import type { ClientFrame, ServerFrame } from '../context/wire.ts';
import type { SocketDoor } from './socket-door.ts';

type Command = Extract<ClientFrame, { t: 'cmd' }>;

const AT_ONCE = 32;

interface SessionCommandsDeps {
  readonly door: SocketDoor;
  readonly principal: Principal;
  readonly say: (frame: ServerFrame) => void;
  readonly tell: (thrown: unknown, what: string) => ErrorJson;
}

/** Has the commands of one connection carried out, a bounded number at once, and answers each. */
export class SessionCommands {
  readonly #deps: SessionCommandsDeps;
  #underWay = 0;

  constructor(deps: SessionCommandsDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async run(command: Command): Promise<void> {
    const { door, principal, say, tell } = this.#deps;
    const { id, op } = command;
    if (this.#underWay >= AT_ONCE) {
      say({ t: 'res', id, ok: false, err: tooMany().toJSON() });
      return;
    }
    this.#underWay += 1;
    try {
      say({ t: 'res', id, ok: true, at: await door.command(principal, command) });
    } catch (error) {
      say({ t: 'res', id, ok: false, err: tell(error, op) });
    } finally {
      this.#underWay -= 1;
    }
  }
}

function tooMany(): EnginehouseError {
  const message = `a connection has at most ${AT_ONCE} commands under way`;
  return new EnginehouseError('LIMIT_REACHED', message, { limit: 'commands', max: AT_ONCE });
}
