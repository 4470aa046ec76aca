/** What can be wrong with a file or a drawing. The words for each are in `texts/`. */
export type ErrorCode =
  | 'json_malformed'
  | 'annotation_not'
  | 'annotation_field'
  | 'annotation_points'
  | 'annotation_point'
  | 'annotation_shape_type'
  | 'annotation_shape_count'
  | 'annotation_mask'
  | 'annotation_verdicts_differ'
  | 'annotation_outside'
  | 'annotation_free_and_defect'
  | 'annotation_ok_and_defect'
  | 'annotation_region_no_verdict'
  | 'template_not_object'
  | 'template_missing'
  | 'template_field'
  | 'template_unknown_keys'
  | 'template_version'
  | 'template_size'
  | 'template_reference_file'
  | 'template_reference_hash'
  | 'template_choice'
  | 'template_number'
  | 'template_where'
  | 'template_region_count'
  | 'region_id'
  | 'region_duplicate'
  | 'region_outside'
  | 'region_empty'
  | 'shape_kind'
  | 'shape_points'
  | 'shape_finite'
  | 'shape_crosses'
  | 'shape_no_area';

export type ErrorValues = Readonly<Record<string, string | number>>;

export class CoreError extends Error {
  override readonly name = 'CoreError';

  constructor(
    readonly code: ErrorCode,
    readonly values: ErrorValues = {},
  ) {
    super(`${code} ${JSON.stringify(values)}`);
  }
}
