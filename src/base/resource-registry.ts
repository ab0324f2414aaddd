/**
 * Knows what one runtime has open: engines, emitters, sockets, timers,
 * listeners, store handles. Each is registered by the part that opens it and
 * taken off when it is closed; what is left at the end is a leak, with its owner.
 *
 * It counts only what the runtime itself opened, so it has no false alarms.
 */

export type ResourceKind =
  'engine' | 'run' | 'emitter' | 'socket' | 'listener' | 'timer' | 'store' | 'database' | 'follower' | 'transaction';

/** What some resources say of themselves beside their name and owner. */
export interface ResourceFacts {
  /** The house opened it for itself and closes it; nobody else can. */
  readonly ofHouse?: boolean | undefined;
  /** Of a socket: the port at its other end. */
  readonly peerPort?: number | undefined;
}

export interface OpenResource extends ResourceFacts {
  readonly kind: ResourceKind;
  /** What it is, for a person: a run id, an address, a file. */
  readonly name: string;
  /** The user it belongs to; `undefined` for the runtime's own. */
  readonly owner: string | undefined;
  /** Where it was opened, when origins are kept. */
  readonly origin: string | undefined;
}

/** What callers open themselves: of the rest, where it was opened says nothing about who forgot it. */
const OPENED_BY_CALLERS: ReadonlySet<ResourceKind> = new Set(['engine', 'emitter', 'listener', 'follower']);

export class ResourceRegistry {
  /** Whether it knows where those of callers were opened. */
  readonly keepsOrigins: boolean;
  readonly #open = new Set<OpenResource>();

  constructor(options: { readonly keepOrigins?: boolean } = {}) {
    this.keepsOrigins = options.keepOrigins ?? false;
  }

  /** Notes that something was opened. Call the returned function when it is closed; twice is harmless. */
  opened(kind: ResourceKind, name: string, owner?: string, facts?: ResourceFacts): () => void {
    // Kept as an error: its text is made only when somebody asks, and nearly always nobody does.
    const traced = this.keepsOrigins && facts?.ofHouse !== true && OPENED_BY_CALLERS.has(kind);
    const opening = traced ? new Error(`${kind} ${name} was opened here`) : undefined;
    const resource: OpenResource = {
      kind,
      name,
      owner,
      ...facts,
      get origin() {
        return opening?.stack;
      },
    };
    this.#open.add(resource);
    return () => {
      this.#open.delete(resource);
    };
  }

  /** What is open now, oldest first. */
  remaining(kind?: ResourceKind): readonly OpenResource[] {
    return [...this.#open].filter((resource) => kind === undefined || resource.kind === kind);
  }
}
