/** report.json of the analyst, as this page reads it. Money is whole micro-USD. */

export interface Tokens {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Hour extends Tokens {
  readonly hour: string;
}

export interface ModelCost extends Tokens {
  readonly price: {
    readonly model: string;
    readonly inputMicroUsdPerMillion: number;
    readonly outputMicroUsdPerMillion: number;
    readonly asOf: string;
    readonly source: string;
  };
  readonly whatIf: boolean;
  readonly inputMicroUsd: number;
  readonly outputMicroUsd: number;
  readonly totalMicroUsd: number;
}

export interface Cost {
  readonly basis: string;
  readonly totalMicroUsd: number;
  readonly inputMicroUsd: number;
  readonly outputMicroUsd: number;
  readonly models: readonly ModelCost[];
  readonly unpriced: Tokens & { readonly models: readonly string[]; readonly modelCount: number };
}

export interface WhatIf {
  readonly title: string;
  readonly assumption: string;
  readonly arithmetic: string;
  readonly savingMicroUsd: number;
}

export interface Report extends Tokens {
  readonly from: string;
  readonly to: string;
  readonly percentiles: { readonly inputTokens: Percentiles; readonly outputTokens: Percentiles };
  readonly perHour: readonly Hour[];
  readonly cost: Cost;
  readonly badRows: {
    readonly count: number;
    readonly first: readonly { readonly line: number; readonly reason: string; readonly value: string }[];
  };
  readonly whatIf: readonly WhatIf[];
  readonly ledger: {
    readonly format: string;
    readonly bytes: number;
    readonly columns: Readonly<Record<'time' | 'inputTokens' | 'outputTokens' | 'model', readonly string[]>>;
  };
  readonly generatedFrom: { readonly sha256: string };
}
