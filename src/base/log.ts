/** Tells the operator. `details` are plain data. */
export type Log = (
  level: 'error' | 'warn' | 'info' | 'debug',
  message: string,
  details?: Readonly<Record<string, unknown>>,
) => void;
