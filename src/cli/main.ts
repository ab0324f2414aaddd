#!/usr/bin/env node
/**
 * The `enginehouse` command.
 *
 *   M1. What a command yields goes to standard output, everything said about it
 *       to standard error, so that a pipe gets the yield alone.
 *   M2. Exit code 0 is success, 1 a failure, 2 a command line that cannot be
 *       read, 130 and 143 an interruption.
 *   M3. A command loads only what it needs: `--version` opens no store.
 */

import { runCommandLine } from './program.ts';

process.exitCode = await runCommandLine(process.argv.slice(2));
