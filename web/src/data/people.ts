/** People, who may see a project, and the tokens of machines; for administrators. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { UserChange, UserIn } from '../api/schema';
import { keyOf } from './queries';

const USERS_KEY = ['users'] as const;

export function useUsers() {
  return useQuery({ queryKey: USERS_KEY, queryFn: () => unwrap(api.GET('/api/v1/users')) });
}

export function useCreateUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: UserIn) => unwrap(api.POST('/api/v1/users', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: USERS_KEY }),
  });
}

export function useChangeUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...body }: UserChange & { id: string }) =>
      unwrap(api.PATCH('/api/v1/users/{user_id}', { params: { path: { user_id: id } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: USERS_KEY }),
  });
}

export function useMembers(projectId: string) {
  return useQuery({
    queryKey: keyOf(projectId, 'members'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/members', {
          params: { path: { project_id: projectId } },
        }),
      ),
  });
}

export function useSetMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ userId, isMember }: { userId: string; isMember: boolean }) => {
      const params = { path: { project_id: projectId, user_id: userId } };
      const path = '/api/v1/projects/{project_id}/members/{user_id}';
      return unwrap(isMember ? api.PUT(path, { params }) : api.DELETE(path, { params }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(projectId, 'members') }),
  });
}

export function useTokensOf(projectId: string) {
  return useQuery({
    queryKey: keyOf(projectId, 'tokens'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/tokens', {
          params: { path: { project_id: projectId } },
        }),
      ),
  });
}

export function useRevokeToken(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (tokenId: string) =>
      unwrap(
        api.DELETE('/api/v1/projects/{project_id}/tokens/{token_id}', {
          params: { path: { project_id: projectId, token_id: tokenId } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(projectId, 'tokens') }),
  });
}
