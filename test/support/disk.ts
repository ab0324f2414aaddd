import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { AgentDefinition } from '../../src/agent/define-agent.ts';
import type { EnginehouseConfig } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';

/** The files of a data folder that outlive a power cut. */
const FILES = ['log.sqlite', 'log.sqlite-wal'];

/** Data folders of one test, gone after it. */
export class Disk implements AsyncDisposable {
  readonly #root: string;
  #folders = 0;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(): Promise<Disk> {
    return new Disk(await mkdtemp(join(tmpdir(), 'enginehouse-disk-')));
  }

  /** A new data folder. */
  folder(): string {
    this.#folders += 1;
    const folder = join(this.#root, String(this.#folders));
    mkdirSync(folder);
    return folder;
  }

  /**
   * What a power cut at this moment would leave of a folder in use: the log of writes is append-only and checked frame
   * by frame, so a commit that is under way is there whole or not at all.
   */
  afterPowerCut(folder: string): string {
    const copy = this.folder();
    for (const file of FILES) if (existsSync(join(folder, file))) copyFileSync(join(folder, file), join(copy, file));
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}

/** The real runtime on a data folder, without a server. */
export function startOn(
  path: string,
  agents: readonly AgentDefinition[],
  rest: Partial<EnginehouseConfig> = {},
): Promise<EnginehouseRuntime> {
  const config = { agents, log: 'silent', server: { listen: false }, ...rest, store: { path, ...rest.store } } as const;
  const limits = { drainTimeoutMs: 0, cancelGraceMs: 100, ...rest.limits };
  return startup({ ...config, limits }, { env: {} });
}
