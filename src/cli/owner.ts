import { DEFAULT_TENANT, LOCAL_USER, tenantId, userId, type Owner } from '../context/ids.ts';

export interface OwnerOptions {
  readonly user?: string;
  readonly tenant?: string;
}

/** Whose runs a command is about. @throws `ID_INVALID` */
export function ownerOf({ user = LOCAL_USER, tenant = DEFAULT_TENANT }: OwnerOptions): Owner {
  return { tenantId: tenantId(tenant), userId: userId(user) };
}
