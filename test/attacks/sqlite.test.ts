import { attacksAt } from './attacks.ts';
import { runAttacks } from './run-attacks.ts';
import { SqliteHouse } from './sqlite-house.ts';

runAttacks("through the door of SQLite, where each user's tables are a file", attacksAt('sqlite'), () =>
  SqliteHouse.open(),
);
