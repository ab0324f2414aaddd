export interface Machine {
  readonly root: boolean;
  readonly debian: boolean;
  readonly installed: boolean;
}

export function wantsPostgres(env?: Readonly<Record<string, string | undefined>>, machine?: Machine): boolean;
export function installPostgres(): void;
export function withoutCluster(text: string): string;
