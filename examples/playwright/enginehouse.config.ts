import { defineConfig } from 'enginehouse';

import { packer } from './src/packer.ts';
import { migrations } from './src/tables.ts';

export default defineConfig({ agents: [packer], database: { migrations } });
