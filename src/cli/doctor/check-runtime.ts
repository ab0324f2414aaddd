import { HOLDERS, WHOLE_DATABASE } from '../../store/postgres/exclusive-use.ts';
import type { DatabaseSession } from './database-session.ts';
import { finding, type Finding } from './finding.ts';

/** Whether another runtime has the database, or tenants of it. */
export async function checkRuntime(session: DatabaseSession): Promise<Finding> {
  const name = 'lock';
  const holders = await session.rows<{ pid: number; name: string }>(HOLDERS, [WHOLE_DATABASE, null]);
  if (holders.length === 0) return finding('ok', name, 'no runtime holds the database');
  const who = holders.map((holder) => `${holder.name} (server process ${holder.pid})`).join(', ');
  const cure = 'Stop it, or name another database with DATABASE_URL.';
  return finding('warn', name, `${who} holds the database, so no other runtime starts on it`, cure);
}
