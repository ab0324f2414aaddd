/** What the audit of tests takes in this process: its looking while a test runs, and at its end. */

import { Marks } from '../src/testing/audit/marks.ts';
import { replaceMethod } from '../src/testing/sabotage/replace-method.ts';
import { TestAudit } from '../src/testing/test-audit.ts';

let ms = 0;
let finding = false;

replaceMethod(Marks.prototype, 'searchIn', (real) => (self, args) => {
  if (finding) return real(self, args);
  const startedAt = performance.now();
  const found = real(self, args);
  ms += performance.now() - startedAt;
  return found;
});

replaceMethod(TestAudit.prototype, 'findings', (real) => async (self, args) => {
  finding = true;
  const startedAt = performance.now();
  try {
    return await real(self, args);
  } finally {
    ms += performance.now() - startedAt;
    finding = false;
  }
});

/** Milliseconds since it was last asked. For tests that run one after the other. */
export function takeAuditMs(): number {
  const taken = ms;
  ms = 0;
  return taken;
}
