import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';

import { scramVerifier } from './scram.ts';

test('the verifier is that of the example in RFC 7677', () => {
  const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=${salt},i=4096,c=biws,r=${nonce}`;

  const [mechanism, parameters, keys = ''] = split(scramVerifier('pencil', Buffer.from(salt, 'base64')));
  const [, serverKey = ''] = keys.split(':');

  expect([mechanism, parameters]).toEqual(['SCRAM-SHA-256', `4096:${salt}`]);
  const signature = createHmac('sha256', Buffer.from(serverKey, 'base64')).update(authMessage).digest('base64');
  expect(signature).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('two verifiers of one password differ, and neither holds it', () => {
  const [one, two] = [scramVerifier('pencil'), scramVerifier('pencil')];

  expect(one).not.toBe(two);
  expect(`${one}${two}`).not.toContain('pencil');
});

function split(verifier: string): readonly string[] {
  return verifier.split('$');
}
