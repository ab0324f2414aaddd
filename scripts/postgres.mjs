/**
 * PostgreSQL for tests, by hand: npm run postgres -- start|status|url|stop|install [--install] [--now]
 *
 *   start    starts a private server, or finds the one that runs, and keeps it until it is stopped
 *   status   says which servers run
 *   url      prints the URL of the one that tests would take, when it runs
 *   stop     ends the private servers of this user, those in use once nobody uses them; --now ends them at once
 *   install  installs Debian's package, which needs no other part of the checkout
 *
 * A package is installed by `install` and with --install, and before `start` for root
 * on Debian where CI is set; never by tests.
 */

import { installPostgres, wantsPostgres } from './install-postgres.mjs';

const COMMANDS = ['start', 'status', 'url', 'stop', 'install'];
const FLAGS = ['--install', '--now'];
const [command = '', ...flags] = process.argv.slice(2);
const asked = flags.includes('--install') || command === 'install';

if (!COMMANDS.includes(command) || flags.some((flag) => !FLAGS.includes(flag))) {
  process.stderr.write(`usage: npm run postgres -- ${COMMANDS.join('|')} [--install] [--now]\n`);
  process.exitCode = 2;
} else {
  try {
    if (asked || (command === 'start' && wantsPostgres())) installPostgres();
    if (command !== 'install') {
      const commands = await import('./postgres-commands.ts');
      await commands[command]({ now: flags.includes('--now') });
    }
  } catch (error) {
    process.stderr.write(`postgres: ${error.message}\n${error.cure === undefined ? '' : `${error.cure}\n`}`);
    process.exitCode = 1;
  }
}
