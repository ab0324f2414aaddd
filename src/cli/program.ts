/** Every command and option, and which file does the work. */

import { Command, CommanderError } from 'commander';

import { packageVersion } from '../startup/package-files.ts';
import type { DatabaseOptions } from './database.ts';
import type { DoctorOptions } from './doctor.ts';
import type { EventsOptions } from './events.ts';
import { holdProcess } from './hold-process.ts';
import { printError } from './print-error.ts';
import { parseDuration, parseName, parseWholeNumber } from './option-values.ts';
import type { RunOptions } from './run.ts';
import type { RunsOptions } from './runs.ts';
import type { StartOptions } from './start.ts';
import { parseDefects } from './testkit/defects.ts';
import type { SabotageOptions } from './testkit.ts';
import type { TokenOptions } from './token.ts';

/** Takes a command's work, which resolves with the exit code. */
type Perform = (work: Promise<number>) => Promise<void>;

const USAGE_ERROR = 2;

/** Runs one command and resolves with the exit code. Errors are printed, not thrown. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  using _held = holdProcess();
  let exitCode = 0;
  const program = createProgram(async (work) => {
    exitCode = await work;
  });
  endQuietlyWithoutReader();
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed what is wrong with the command line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
    printError(error);
    return 1;
  }
}

function createProgram(perform: Perform): Command {
  const program = new Command('enginehouse')
    .description('A runtime for AI agents that serve many users.')
    .version(packageVersion())
    .helpCommand(false)
    .showHelpAfterError('run `enginehouse --help` for what there is')
    .exitOverride();
  addStart(program, perform);
  addRun(program, perform);
  addRuns(program, perform);
  addEvents(program, perform);
  addToken(program, perform);
  addDoctor(program, perform);
  addDatabase(program, perform);
  addTestkit(program, perform);
  return program;
}

function addStart(program: Command, perform: Perform): void {
  const command = program
    .command('start')
    .description('start the server, with the page at /')
    .option(
      '--port <number>',
      'port to listen on, 0 takes a free one (default: PORT, or 4100)',
      parseWholeNumber(0, 65_535),
    )
    .option('--host <address>', 'address to listen on (default: HOST, or 127.0.0.1)', parseName)
    .option('--json', 'print where it listens as one line of JSON');
  addApplicationOptions(command);
  command.action((options: StartOptions) => perform(import('./start.ts').then(({ start }) => start(options))));
}

function addRun(program: Command, perform: Perform): void {
  const command = program
    .command('run')
    .description('run one agent to its end, without a server')
    .argument('<agent>', 'name of the agent')
    .option('--input <file>', "the agent's input as JSON, or the analyst's ledger; - is standard input")
    .option('--input-json <json>', 'the input itself; beside a ledger, further fields of it')
    .option('--out <folder>', 'write the files that the run makes there')
    .option('--json', 'print every event as a line of JSON, the terminal one last');
  addApplicationOptions(command);
  addOwnerOptions(command);
  command.action((agent: string, options: RunOptions) =>
    perform(import('./run.ts').then(({ run }) => run(agent, options))),
  );
}

function addRuns(program: Command, perform: Perform): void {
  const command = program
    .command('runs')
    .description("list a user's runs, newest first, also while a server runs")
    .option('--limit <number>', 'how many', parseWholeNumber(1, 10_000), 20)
    .option('--all', 'child runs too')
    .option('--json', 'print each run as a line of JSON');
  addApplicationOptions(command);
  addOwnerOptions(command);
  command.action((options: RunsOptions) => perform(import('./runs.ts').then(({ runs }) => runs(options))));
}

function addEvents(program: Command, perform: Perform): void {
  const command = program
    .command('events')
    .description("show a run's events, also while a server runs")
    .argument('<run>', 'id of the run')
    .option('--follow', 'go on until the run has ended')
    .option('--after <seq>', 'only events after this one', parseWholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--url <url>', 'ask the server at this address instead of reading the data folder')
    .option('--token <token>', 'who asks that server (default: ENGINEHOUSE_TOKEN)')
    .option('--json', 'print each event as a line of JSON');
  addApplicationOptions(command);
  addOwnerOptions(command);
  command.action((runId: string, options: EventsOptions) =>
    perform(import('./events.ts').then(({ events }) => events(runId, options))),
  );
}

function addToken(program: Command, perform: Perform): void {
  program
    .command('token')
    .description('sign a token for a user, with auth.secret of the configuration or ENGINEHOUSE_AUTH_SECRET')
    .requiredOption('--user <id>', 'whom it is for')
    .option('--tenant <id>', "the user's tenant")
    .option('--role <name...>', "the user's roles (default: user)")
    .option(
      '--expires <time>',
      'how long it is good for, such as 90s, 15m, 12h or 30d',
      parseDuration,
      parseDuration('1h'),
    )
    .option('--config <file>', 'configuration file (default: enginehouse.config.ts here or above)', parseName)
    .action((options: TokenOptions) => perform(import('./token.ts').then(({ token }) => token(options))));
}

function addDoctor(program: Command, perform: Perform): void {
  const command = program
    .command('doctor')
    .description('look for what would keep the server from starting')
    .option('--port <number>', 'port that is to be free (default: PORT, or 4100)', parseWholeNumber(0, 65_535))
    .option('--host <address>', 'address to listen on (default: HOST, or 127.0.0.1)', parseName)
    .option('--json', 'print each finding as a line of JSON')
    .option('--sql', 'print nothing but the SQL that cures a database, for psql as a superuser');
  addApplicationOptions(command);
  command.action((options: DoctorOptions) => perform(import('./doctor.ts').then(({ doctor }) => doctor(options))));
}

function addDatabase(program: Command, perform: Perform): void {
  const database = program.command('database').description('look after a PostgreSQL database');
  database
    .command('migrate')
    .description('make the database of DATABASE_URL ready: roles, tables, row-level security')
    .option('--config <file>', 'configuration file (default: enginehouse.config.ts here or above)', parseName)
    .option('--json', 'print what was made as one line of JSON')
    .action((options: DatabaseOptions) =>
      perform(import('./database.ts').then(({ migrateDatabase }) => migrateDatabase(options))),
    );
}

function addTestkit(program: Command, perform: Perform): void {
  const testkit = program.command('testkit').description('ask what a test suite is worth');
  testkit
    .command('sabotage')
    .description('run a suite under known defects, one at a time, and say which of them it notices')
    .argument('<command...>', "the suite's command, after --, such as: -- npx vitest run --bail=1")
    .option('--only <names>', 'only these defects, with commas between them (default: all)', parseDefects)
    .option('--timeout <time>', 'how long one run may take, such as 90s or 15m (default: 10m)', parseDuration)
    .option('--json', 'print each answer as a line of JSON')
    .action((command: readonly string[], options: SabotageOptions) =>
      perform(import('./testkit.ts').then(({ sabotage }) => sabotage(command, options))),
    );
}

function addApplicationOptions(command: Command): void {
  command
    .option('--data <folder>', 'data folder (default: ENGINEHOUSE_DATA, or ./.enginehouse)', parseName)
    .option('--config <file>', 'configuration file (default: enginehouse.config.ts here or above)', parseName);
}

function addOwnerOptions(command: Command): void {
  command
    .option('--user <id>', 'whose (default: the local user of development mode)')
    .option('--tenant <id>', "the user's tenant");
}

/** Whoever reads our output may leave first, as `head` does; then nobody is there to tell. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}
