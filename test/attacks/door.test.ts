import { attacksAt } from './attacks.ts';
import { CATALOG } from './guesses.ts';
import { PostgresDoorHouse } from './postgres-door-house.ts';
import { runAttacks } from './run-attacks.ts';

runAttacks('through the door of PostgreSQL', attacksAt('door'), () => PostgresDoorHouse.open('ours'));

// What only a superuser can close in the database is closed by the door, but for the catalog.
const closed = attacksAt('door').filter((attack) => !CATALOG.includes(attack));
runAttacks('through the door of a database that a plain role shares with others', closed, () =>
  PostgresDoorHouse.open('shared'),
);
