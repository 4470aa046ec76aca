/** What a check prepares by the API, as a person who is signed in. */

export class Api {
  constructor(url, cookie, csrf) {
    Object.assign(this, { base: `${url}/api/v1`, cookie, csrf });
  }

  static async signIn({ url, password }, name = 'admin') {
    const response = await fetch(`${url}/api/v1/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, password }),
    });
    const cookie = response.headers.getSetCookie()[0].split(';')[0];
    return new Api(url, cookie, (await response.json()).csrf);
  }

  /** A body of bytes goes as it is. */
  async send(method, path, body) {
    const isBytes = body instanceof Uint8Array;
    const type = isBytes ? 'application/octet-stream' : 'application/json';
    const response = await fetch(this.base + path, {
      method,
      headers: {
        Cookie: this.cookie,
        'X-CSRF-Token': this.csrf,
        ...(body === undefined ? {} : { 'Content-Type': type }),
      },
      ...(body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response;
  }

  async get(path) {
    return (await this.send('GET', path)).json();
  }

  async bytes(path) {
    return Buffer.from(await (await this.send('GET', path)).arrayBuffer());
  }

  async post(path, body) {
    return (await this.send('POST', path, body)).json();
  }

  /** Long work, until it has ended well. */
  async job(project, body) {
    const { id } = await this.post(`/projects/${project}/jobs`, body);
    for (;;) {
      const job = await this.get(`/projects/${project}/jobs/${id}`);
      if (job.state === 'done') return job;
      if (!['queued', 'running'].includes(job.state))
        throw new Error(`${body.kind}: ${job.state} ${JSON.stringify(job.error)}`);
      await new Promise((done) => setTimeout(done, 300));
    }
  }

  /** The practice product with a model that is fitted on it. */
  async fitted() {
    const [project] = await this.get('/projects');
    const version = await this.post(`/projects/${project.id}/versions`, { note: 'check' });
    const job = await this.job(project.id, { kind: 'fit', version_id: version.id });
    return { project: project.id, version: version.id, model: job.result.model_id };
  }
}
