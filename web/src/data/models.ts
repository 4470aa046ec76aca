/** Models and dataset versions of the open project. */

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
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
