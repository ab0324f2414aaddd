import { MessageChannel } from 'node:worker_threads';

/**
 * Keeps the process alive until disposed. The house's own timers and threads do
 * not, so that they never hold an application; a command that waits for one has to.
 */
export function holdProcess(): Disposable {
  const { port1 } = new MessageChannel();
  port1.ref();
  return { [Symbol.dispose]: () => port1.close() };
}
