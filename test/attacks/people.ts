import { tenantId, userId, type Owner } from '../../src/context/ids.ts';

/** A victim in Bob's tenant. */
export const ADA: Owner = { tenantId: tenantId('default'), userId: userId('ada') };
/** Who attacks. */
export const BOB: Owner = { tenantId: tenantId('default'), userId: userId('bob') };
/** A victim with Bob's user id, in another tenant. */
export const OTHER_BOB: Owner = { tenantId: tenantId('elsewhere'), userId: userId('bob') };
