/**
 * PostgreSQL refuses to run as root. A private server then runs as the user that
 * owns nothing, `nobody`, and what it needs must be within that user's reach.
 */

import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Who `nobody` is on nearly every system, for one whose list of users does not say. */
const NOBODY = 65_534;

/** The user that a server is run as instead of this process's own; `undefined` when it can be run as that. */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid = NOBODY, gid = NOBODY] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

const READ_AND_RUN = 0o5;
const ENTER = 0o1;

/** Whether `path` and every folder above it let the user in; `bits` is what the path itself must allow them. */
export async function canReach(path: string, user: ServerUser, bits: number = READ_AND_RUN): Promise<boolean> {
  let at = await realpath(path);
  if (!(await allows(at, user, bits))) return false;
  while (at !== dirname(at)) {
    at = dirname(at);
    if (!(await allows(at, user, ENTER))) return false;
  }
  return true;
}

async function allows(path: string, user: ServerUser, bits: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}
