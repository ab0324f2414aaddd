import { WebSocket, WebSocketServer } from 'ws';

import { UserExecutionEngine } from '../../engine/user-execution-engine.ts';
import { ExecutionEngineFactory } from '../../factory/execution-engine-factory.ts';
import { Boot } from '../../startup/boot-trace.ts';
import { isTrialUser, type Bit, type Defect } from './defect.ts';
import { replaceMethod } from './replace-method.ts';

/** `skipped-phase`: a boot that does not try itself out, and takes up no run of an earlier process. */
export const skippedPhase: Defect = {
  classes: (bit) =>
    replaceMethod(Boot.prototype, 'phase', (real) => (self, args) => {
      if (args[0] !== 'readiness') return real(self, args);
      bit();
      return Promise.resolve({ recoveredRuns: 0 });
    }),
};

/** `undisposed-engine`: engines that the house made for runs of its doors are never disposed. */
export const undisposedEngine: Defect = {
  classes: (bit) => {
    const lent = new WeakSet();
    const mendLending = replaceMethod(
      ExecutionEngineFactory.prototype,
      'createForUser',
      (real) => async (self, args) => {
        const engine = await real(self, args);
        if (engine instanceof UserExecutionEngine) lent.add(engine);
        return engine;
      },
    );
    const mendDisposal = replaceMethod(UserExecutionEngine.prototype, Symbol.asyncDispose, (real) => (self, args) => {
      if (lent.has(self) || !(self instanceof UserExecutionEngine) || isTrialUser(self.context))
        return real(self, args);
      bit();
      return Promise.resolve();
    });
    return () => {
      mendLending();
      mendDisposal();
    };
  },
};

/** How a frame with events begins. */
const EVENTS = Buffer.from('{"t":"ev"');

/** `broadcast-emitter`: every socket of a runtime gets every user's events. */
export const broadcastEmitter: Defect = {
  classes: (bit) => {
    const socketsOf = new WeakMap<object, Set<WebSocket>>();
    return replaceMethod(WebSocketServer.prototype, 'handleUpgrade', (real) => (server, args) => {
      const sockets = socketsOf.get(server) ?? new Set();
      socketsOf.set(server, sockets);
      const [request, socket, head, opened] = args;
      const told = (made: unknown, ...rest: unknown[]): unknown => {
        if (made instanceof WebSocket) shareWith(sockets, made, bit);
        return typeof opened === 'function' ? Reflect.apply(opened, undefined, [made, ...rest]) : undefined;
      };
      return real(server, [request, socket, head, told]);
    });
  },
};

function shareWith(sockets: Set<WebSocket>, one: WebSocket, bit: Bit): void {
  sockets.add(one);
  one.once('close', () => sockets.delete(one));
  replaceMethod(one, 'send', (real) => (self, args) => {
    real(self, args);
    const [bytes] = args;
    if (!Buffer.isBuffer(bytes) || !bytes.subarray(0, EVENTS.length).equals(EVENTS)) return;
    for (const other of sockets) {
      if (other === one || other.readyState !== WebSocket.OPEN) continue;
      bit();
      WebSocket.prototype.send.call(other, bytes, { binary: false });
    }
  });
}
