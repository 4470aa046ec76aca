/** Models and dataset versions of the open project. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { ThresholdsIn } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

export function useModels() {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'models'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/models', { params: { path: { project_id: id } } }),
      ),
  });
}

export function useVersions() {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'versions'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/versions', { params: { path: { project_id: id } } }),
      ),
  });
}

/** Heat of an image as a transparent PNG. */
export const heatUrl = (projectId: string, modelId: string, imageId: string): string =>
  `${API}/projects/${projectId}/models/${modelId}/images/${imageId}/heat`;

/** A new model with other decision points. */
export function useSetThresholds(modelId: string) {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ThresholdsIn) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/models/{model_id}/thresholds', {
          params: { path: { project_id: id, model_id: modelId } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id) }),
  });
}
