import { execFile } from 'node:child_process';

/** Runs the project's own Node in `cwd` and gives its standard output. @throws what it printed, when it fails. */
export function node(cwd: string, ...args: readonly string[]): Promise<string> {
  return run(process.execPath, args, cwd);
}

/** Runs npm in `cwd`: the one that runs these tests, or else the one on the PATH. */
export function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const npmPath = process.env['npm_execpath'];
  return npmPath === undefined ? run('npm', args, cwd) : run(process.execPath, [npmPath, ...args], cwd);
}

function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, env: cleanEnv(), timeout: 240_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} failed in ${cwd}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

/** As a user's shell has it: nothing of the npm and the Vitest that run these tests. */
function cleanEnv(): NodeJS.ProcessEnv {
  const mine = /^(?:npm_(?!execpath)|VITEST|VITE_|NODE_ENV|INIT_CWD|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !mine.test(name)));
}
