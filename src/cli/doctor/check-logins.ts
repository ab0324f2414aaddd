import { deriveFrom } from '../../store/postgres/layout.ts';
import { reasonOf } from '../../store/postgres/postgres-error.ts';
import type { ReadyDatabase } from '../../store/postgres/provision.ts';
import { urlAs } from '../../store/postgres/target.ts';
import { DatabaseSession } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

const CURE =
  'Run `enginehouse database migrate`, which gives both logins their passwords again, and let them in in pg_hba.conf.';

/** Whether the runtime's two logins get in with the passwords that the secret gives. Those that did are the caller's to close. */
export async function checkLogins({
  url,
  roles,
  secret,
}: ReadyDatabase): Promise<{ readonly found: Finding; readonly sessions: readonly DatabaseSession[] }> {
  const { systemPassword, agentPassword } = deriveFrom(secret);
  const outcomes = await Promise.allSettled([
    DatabaseSession.open(urlAs(url, roles.system, systemPassword)),
    DatabaseSession.open(urlAs(url, roles.agent, agentPassword)),
  ]);
  const sessions = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const refused = [roles.system, roles.agent].flatMap((role, at) => {
    const outcome = outcomes[at];
    return outcome?.status === 'rejected' ? [`${role} is refused: ${reasonOf(outcome.reason)}`] : [];
  });
  if (refused.length > 0) return { found: finding('fail', 'logins', refused.join('; '), CURE), sessions };
  return { found: finding('ok', 'logins', `${roles.system} and ${roles.agent} get in`), sessions };
}
