import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Requirement } from './requirements.ts';

const FILE = fileURLToPath(new URL('../../../shared/data/azure-llm-inference-conv-2023.csv', import.meta.url));

/** One hour of real requests: too large, and not ours, to be kept here. */
export const AZURE_TRACE: Requirement = {
  name: 'the Azure trace of 2023',
  cure: 'put azure-llm-inference-conv-2023.csv of the Azure Public Dataset into ../shared/data',
  find: () => (existsSync(FILE) ? FILE : undefined),
};

/** What is known of it. */
export const AZURE_TOTALS = { requests: 19_366, inputTokens: 22_361_870, outputTokens: 4_088_665 } as const;
