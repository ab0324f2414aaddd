import { OpenLogs } from '../log/open-logs.ts';
import { Connection } from './connection.ts';

/** The one connection that writes a file. It remembers where logs stand, and forgets that when a transaction was taken back. */
export class WritingConnection extends Connection {
  readonly logs = new OpenLogs();

  override transaction<T>(work: () => T): T {
    try {
      return super.transaction(work);
    } catch (error) {
      this.logs.clear();
      throw error;
    }
  }
}
