import { defineConfig } from 'enginehouse';

import { inventory } from './src/inventory.ts';
import { migrations, seed } from './src/tables.ts';

export default defineConfig({
  agents: [inventory],
  database: { migrations, seed },
});
