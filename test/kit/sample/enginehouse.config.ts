import { defineConfig } from '../../../src/index.ts';
import { library } from './src/library.ts';
import { migrations } from './src/tables.ts';

export default defineConfig({ agents: library, database: { migrations } });
