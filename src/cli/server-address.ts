import type { EnginehouseConfig } from '../startup/config.ts';

export interface AddressOptions {
  readonly port?: number;
  readonly host?: string;
}

/** The configuration with the address of the command line, which goes before the file's. */
export function withAddress(config: EnginehouseConfig, { port, host }: AddressOptions): EnginehouseConfig {
  const said = { ...(port === undefined ? {} : { port }), ...(host === undefined ? {} : { host }) };
  return { ...config, server: { ...config.server, ...said } };
}
