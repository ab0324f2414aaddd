import { readFileSync } from 'node:fs';

import type { AgentDefinition } from '../../src/agent/define-agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { UserId } from '../../src/context/ids.ts';
import { signToken } from '../../src/server/token.ts';
import type { DatabaseOptions, Seams } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { Leftovers, type LeftoverSources } from '../../src/testing/audit/leftovers.ts';
import { TestUser, type UserHome } from '../../src/testing/test-user.ts';

const SECRET = 'audit-'.repeat(8);

interface AuditHouseOptions extends Pick<LeftoverSources, 'transactions' | 'clock'> {
  readonly agents: readonly AgentDefinition[];
  readonly database?: DatabaseOptions;
  readonly seams?: Seams;
}

/** A real runtime with nothing of the kit around it but what an audit looks at. */
export class AuditHouse implements UserHome, AsyncDisposable {
  readonly runtime: EnginehouseRuntime;
  readonly leftovers: Leftovers;

  private constructor(runtime: EnginehouseRuntime, { transactions, clock }: AuditHouseOptions) {
    const { resources, factory, address } = runtime;
    this.runtime = runtime;
    this.leftovers = new Leftovers({ resources, house: factory.house.userId, address, transactions, clock });
  }

  static async open(options: AuditHouseOptions): Promise<AuditHouse> {
    const config = {
      agents: options.agents,
      database: options.database,
      store: { path: ':memory:' },
      server: { port: 0 },
      auth: { secret: SECRET },
      limits: { drainTimeoutMs: 500, cancelGraceMs: 250 },
      log: 'silent',
    } as const;
    const runtime = await startup(config, { env: {}, seams: { keepOrigins: true, ...options.seams } });
    const house = new AuditHouse(runtime, options);
    house.leftovers.baseline();
    return house;
  }

  get url(): string {
    return this.runtime.address?.url ?? 'nowhere';
  }

  get socketUrl(): string {
    return `${this.url.replace('http', 'ws')}/ws`;
  }

  user(name: string): TestUser {
    return new TestUser(name, () => Promise.resolve(this));
  }

  token(user: UserId): Promise<string> {
    const claims = { userId: user, tenantId: undefined, roles: ['user'], expiresInMs: 60_000, tenantClaim: undefined };
    return signToken(SECRET, claims, systemClock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leftovers[Symbol.dispose]();
    await this.runtime.close();
  }
}

/** `file:line` of the line of `file` that ends with the comment `// mark`. */
export function lineOf(file: string, mark: string): string {
  const at = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.endsWith(`// ${mark}`));
  if (at < 0) throw new Error(`no line of ${file} ends with // ${mark}`);
  return `${file}:${at + 1}`;
}
