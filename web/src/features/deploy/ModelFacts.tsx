import type { ModelOut, TemplateOut } from '../../api/schema';
import { useTemplate } from '../../data/templates';
import { t } from '../../texts';

/** What tells one model from another. */
export function ModelFacts({ model }: { readonly model: ModelOut }) {
  const texts = t.deploy.facts;
  const template = useTemplate().data;
  const facts = [
    [texts.detector, detectorText(model)],
    [texts.template, template === undefined ? '' : templateText(model, template)],
    [texts.regions, regionsOf(model)],
    [texts.points, t.deploy.pointsOf(model.t_review, model.t_ng)],
    [texts.bundle, model.bundle_sha256.slice(0, 12)],
    [texts.note, model.note],
    [texts.threshold, model.threshold.words],
  ].filter(([, value]) => value);
  return (
    <dl className="model-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** With the accuracy it was trained for: models often differ by that alone. */
function detectorText({ detector, settings }: ModelOut): string {
  const { data } = settings as { readonly data?: { readonly resolution?: Resolution } };
  const accuracy = t.train.models.resolution[data?.resolution ?? 'auto'];
  return `${DETECTOR_NAMES[detector] ?? detector}, ${accuracy}`;
}

function templateText({ template_id }: ModelOut, latest: TemplateOut | null): string {
  const texts = t.train.models;
  if (!template_id) return texts.wholeImage;
  return texts.template(latest?.id === template_id ? latest.version : null);
}

type Resolution = keyof typeof t.train.models.resolution;

const MOST_NAMED = 4;
const DETECTOR_NAMES: Readonly<Record<string, string>> = t.train.detectorNames;

function regionsOf({ regions }: ModelOut): string {
  return regions.length <= MOST_NAMED
    ? regions.map((region) => region.name).join(', ')
    : t.deploy.regions(regions.length);
}

/** Who made it and from what. */
export function madeText(model: ModelOut, models: readonly ModelOut[]): string {
  const parent = models.find((one) => one.id === model.parent_id);
  const made = t.deploy.made(model.created_by, t.common.date(model.created_s));
  return parent ? `${made}. ${t.deploy.changed(parent.number)}` : made;
}
