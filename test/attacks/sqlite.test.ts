import { DataHouse } from '../support/data-house.ts';
import { attacksAt } from './attacks.ts';
import { refill, throughDoor } from './door-house.ts';
import { ADA, BOB, OTHER_BOB } from './people.ts';
import { runAttacks } from './run-attacks.ts';
import { SHOP } from './shop.ts';

runAttacks("through the door of SQLite, where each user's tables are a file", attacksAt('sqlite'), async () => {
  const { databases } = await DataHouse.open({ migrations: SHOP });
  const [ada, bob, other] = [ADA, BOB, OTHER_BOB].map((owner) => throughDoor(databases, owner));
  if (ada === undefined || bob === undefined || other === undefined) throw new Error('three people were asked for');
  for (const victim of [ada, other]) {
    await victim.says(
      "INSERT INTO stock VALUES ('canary-otter', 7, 'note of canary'), ('canary-swan', 7, 'note of canary')",
      "INSERT INTO orders VALUES (1, 'canary-otter', 43)",
    );
  }
  const look = ['SELECT * FROM stock ORDER BY sku', 'SELECT * FROM orders ORDER BY id'];
  return {
    where: 'sqlite',
    ada,
    bob,
    root: ada,
    unguarded: ada,
    refill: () => refill(bob),
    victims: async () => JSON.stringify([await ada.says(...look), await other.says(...look)]),
    [Symbol.asyncDispose]: () => databases.close(),
  };
});
