/** The model in use: approved, compared, signed for. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { ApproveIn } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

export const bundleUrl = (projectId: string, modelId: string): string =>
  `${API}/projects/${projectId}/models/${modelId}/bundle`;

export function useApprove() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ modelId, ...body }: ApproveIn & { modelId: string }) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/models/{model_id}/approve', {
          params: { path: { project_id: id, model_id: modelId } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id) }),
  });
}

export function useSignOffs(modelId: string | null) {
  const { id } = useProject();
  return useQuery({
    enabled: modelId !== null,
    queryKey: keyOf(id, 'sign-offs', modelId),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/models/{model_id}/sign-offs', {
          params: { path: { project_id: id, model_id: modelId ?? '' } },
        }),
      ),
  });
}
