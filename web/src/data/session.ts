/** Who is signed in, and what the role allows. */

import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, api, setCsrf, unwrap } from '../api/client';
import type { Me, PasswordChange } from '../api/schema';
import { SESSION_KEY } from './queries';

export type Role = Me['role'];
export const ROLES: readonly Role[] = ['admin', 'engineer', 'quality', 'operator'];

/** Null = nobody. */
export function useSession() {
  return useQuery({ queryKey: SESSION_KEY, queryFn: readSession, staleTime: 60_000 });
}

async function readSession(): Promise<Me | null> {
  try {
    const me = await unwrap(api.GET('/api/v1/session'));
    setCsrf(me.csrf);
    return me;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Nothing of the person before is shown to the next one. */
function startAfresh(client: QueryClient, me: Me | null): void {
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] });
  client.setQueryData(SESSION_KEY, me);
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; password: string }) =>
      unwrap(api.POST('/api/v1/session', { body })),
    onSuccess: (me) => {
      setCsrf(me.csrf);
      startAfresh(client, me);
    },
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/session')),
    onSettled: () => {
      setCsrf(null);
      startAfresh(client, null);
    },
  });
}

/** One's own password; every other session of the person ends. */
export function useChangePassword() {
  return useMutation({
    mutationFn: (body: PasswordChange) => unwrap(api.PUT('/api/v1/session/password', { body })),
  });
}

/** Which roles may do what; the server decides, this only hides what it would refuse. */
const ALLOWED = {
  engineer: ['admin', 'engineer'],
  label: ['admin', 'engineer', 'quality', 'operator'],
  review: ['admin', 'engineer', 'quality', 'operator'],
  quality: ['admin', 'quality'],
  study: ['admin', 'engineer', 'quality'],
  upload: ['admin', 'engineer', 'quality'],
  administer: ['admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Right = keyof typeof ALLOWED;

export function useMay(right: Right): boolean {
  const { data: me } = useSession();
  return me != null && (ALLOWED[right] as readonly Role[]).includes(me.role);
}
