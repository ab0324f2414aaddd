export { analystAgents } from './analyst.ts';
export { analystMigrations } from './tables.ts';
