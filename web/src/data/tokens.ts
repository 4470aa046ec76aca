/** Tokens with which machines act in the open project. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import { useProject } from './projects';
import { keyOf } from './queries';

export function useTokens(isEnabled: boolean) {
  const { id } = useProject();
  return useQuery({
    enabled: isEnabled,
    queryKey: keyOf(id, 'tokens'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/tokens', { params: { path: { project_id: id } } }),
      ),
  });
}

/** Its text is in the answer, this once. */
export function useMakeToken() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/tokens', {
          params: { path: { project_id: id } },
          body: { name },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id, 'tokens') }),
  });
}

export function useRevokeToken() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (tokenId: string) =>
      unwrap(
        api.DELETE('/api/v1/projects/{project_id}/tokens/{token_id}', {
          params: { path: { project_id: id, token_id: tokenId } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id, 'tokens') }),
  });
}
