import type { AgentInstanceFactory } from '../agent/agent-instance-factory.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { LoopWatch } from '../base/loop-watch.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import type { Limits } from '../context/limits.ts';
import type { AgentDatabases } from '../event/database-session-manager.ts';
import type { EventBridge } from '../event/event-bridge.ts';
import type { Store } from '../event/store.ts';
import type { ActiveRuns } from './active-runs.ts';
import type { Admission } from './admission.ts';
import type { DrivenRun } from './driven-run.ts';

/** What every engine of one factory works with. */
export interface EngineDeps {
  readonly store: Store;
  readonly bridge: EventBridge;
  readonly agents: AgentInstanceFactory;
  readonly databases: AgentDatabases;
  readonly admission: Admission;
  readonly active: ActiveRuns;
  readonly watch: LoopWatch<DrivenRun>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly log: Log;
  /** What an agent's code is in the scope of: the factory, for the accessor. */
  readonly scope: () => object;
}
