import { EnginehouseError } from '../../base/errors.ts';

/** Which database, and how the runtime gets into it. */
export interface DatabaseTarget {
  /** `postgres://user:password@host:port/database`, and what pg's connection strings know besides. */
  readonly url: string;
  /**
   * The database's secret. With it the runtime logs in as its own two roles and changes nothing of the database; without
   * it the role of the URL must be allowed to migrate, and the secret is kept in the database for that role alone.
   */
  readonly secret?: string | undefined;
  /** What the names of the roles begin with. @default the database's name */
  readonly rolePrefix?: string | undefined;
  /** Prepare statements by name; a pooler may not keep them. @default true */
  readonly prepare?: boolean | undefined;
}

/** The URL with another login. Where it names no host or port, pg's defaults stay. */
export function urlAs(url: string, user: string, password: string): string {
  const given = new URL(url);
  given.username = encodeURIComponent(user);
  given.password = encodeURIComponent(password);
  return given.href;
}

/** For messages: the URL without what is secret in it. */
export function shownUrl(url: string): string {
  const given = parse(url);
  if (given === undefined) return 'the database';
  given.password = '';
  given.searchParams.delete('password');
  return given.href;
}

/** @throws `CONFIG_INVALID` when it is no PostgreSQL URL with a database in it */
export function databaseOf(url: string): string {
  const given = parse(url);
  const name = decodeURIComponent(given?.pathname.slice(1) ?? '');
  if (given !== undefined && /^postgres(ql)?:$/.test(given.protocol) && name !== '') return name;
  throw new EnginehouseError(
    'CONFIG_INVALID',
    'store.url (DATABASE_URL) must be postgres://user:password@host:port/database',
    { option: 'store.url', received: given === undefined ? 'no URL' : shownUrl(url) },
  );
}

function parse(url: string): URL | undefined {
  return URL.parse(url) ?? undefined;
}
