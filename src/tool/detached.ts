/** Why an attempt is broken off without an end of the run: the process closes, and the next start goes on with it. */
export class Detached extends Error {
  override readonly name = 'Detached';
}
