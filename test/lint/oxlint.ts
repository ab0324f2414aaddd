import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** One finding of oxlint: `file:line` and the rule's name. */
export interface Finding {
  readonly at: string;
  readonly rule: string;
}

const BIN = join(import.meta.dirname, '../../node_modules/oxlint/bin/oxlint');

/** Lints the folders in `root` with the configuration that lies there. */
export function lint(root: string, ...folders: readonly string[]): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, '--format', 'unix', ...folders],
      { cwd: root, timeout: 25_000 },
      (_exit, stdout) => {
        const lines = stdout.matchAll(/^(?<at>\S+:\d+):\d+: .*\[(?:Error|Warning)\/(?<rule>.+)\]$/gm);
        resolve([...lines].map(({ groups }) => ({ at: groups?.['at'] ?? '', rule: groups?.['rule'] ?? '' })));
      },
    );
  });
}
