/** Who is signed in, and what the role allows. */

import {
  type QueryClient,
  skipToken,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { ApiError, api, setCsrf, unwrap } from '../api/client';
import type { Me, PasswordChange } from '../api/schema';
import { ENDED_KEY, SESSION_KEY } from './queries';

export type Role = Me['role'];
export const ROLES: readonly Role[] = ['admin', 'engineer', 'quality', 'operator'];

/** Null = nobody. */
export function useSession() {
  const client = useQueryClient();
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: () => readSession(client),
    staleTime: 60_000,
  });
}

/** What is drawn and not saved survives the end of a session, until somebody else signs in. */
export function useSessionEnded(): boolean {
  return useQuery({ queryKey: ENDED_KEY, queryFn: skipToken }).data === true;
}

async function readSession(client: QueryClient): Promise<Me | null> {
  const before = client.getQueryData<Me | null>(SESSION_KEY) ?? null;
  try {
    const me = await unwrap(api.GET('/api/v1/session'));
    setCsrf(me.csrf);
    comeIn(client, before, me);
    return me;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    if (before) client.setQueryData(ENDED_KEY, true);
    return before;
  }
}

/** Who was here goes on; for anybody else all begins afresh. */
function comeIn(client: QueryClient, before: Me | null, me: Me): void {
  if (before?.name !== me.name) {
    startAfresh(client, me);
    return;
  }
  if (!client.getQueryData<boolean>(ENDED_KEY)) return;
  client.setQueryData(ENDED_KEY, false);
  void client.invalidateQueries({ predicate: (query) => !isOfSession(query.queryKey) });
}

const isOfSession = (key: readonly unknown[]) =>
  key[0] === SESSION_KEY[0] || key[0] === ENDED_KEY[0];

/** Nothing of the person before is shown to the next one. */
function startAfresh(client: QueryClient, me: Me | null): void {
  client.removeQueries({ predicate: (query) => !isOfSession(query.queryKey) });
  client.setQueryData(ENDED_KEY, false);
  client.setQueryData(SESSION_KEY, me);
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; password: string }) =>
      unwrap(api.POST('/api/v1/session', { body })),
    onSuccess: (me) => {
      setCsrf(me.csrf);
      comeIn(client, client.getQueryData<Me | null>(SESSION_KEY) ?? null, me);
      client.setQueryData(SESSION_KEY, me);
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
