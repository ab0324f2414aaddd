/** A method of some object, to be called as it was. */
export type Call = (self: object, args: readonly unknown[]) => unknown;

/** Puts another method in the place of one that `target` has, or inherits. Returns what takes it away again. */
export function replaceMethod(target: object, name: PropertyKey, make: (real: Call) => Call): () => void {
  const real: unknown = Reflect.get(target, name);
  if (typeof real !== 'function') throw new TypeError(`there is no method ${String(name)} to replace`);
  const made = make((self, args) => Reflect.apply(real, self, args) as unknown);
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, {
    configurable: true,
    writable: true,
    value: function (this: object, ...args: unknown[]): unknown {
      return made(this, args);
    },
  });
  return () => {
    Reflect.deleteProperty(target, name);
    if (before !== undefined) Object.defineProperty(target, name, before);
  };
}
