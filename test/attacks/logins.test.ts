import { attacksAt } from './attacks.ts';
import { AttackedDatabase } from './attacked-database.ts';
import { LoginHouse } from './login-house.ts';
import { runAttacks } from './run-attacks.ts';

runAttacks('as the agent login', attacksAt('agent login'), async () => {
  return new LoginHouse('agent login', await AttackedDatabase.make());
});

runAttacks('as the system login', attacksAt('system login'), async () => {
  return new LoginHouse('system login', await AttackedDatabase.make());
});
