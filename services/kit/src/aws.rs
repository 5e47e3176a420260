//! Services that speak Amazon's protocols, its own or compatible ones: whose credentials
//! sign a request, and the client that sends it.

use std::{
    fmt::Debug,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use object_store::{
    ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredentialProvider},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpResponseBody, HttpService,
    },
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::parse_secret,
    outbound::{Outbound, OutboundError},
};

/// How long the head of one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// How long all tries of one call to a store may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(8);
/// Tries after the first.
const RETRIES: usize = 2;
/// Credentials do not depend on a bucket, yet come from what opens one.
const ANY_BUCKET: &str = "any";

/// Where requests go and who makes them. Without keys and without a role of a web identity or
/// a container, the credentials are those of the machine.
#[derive(clap::Args, Clone, Debug)]
pub struct AwsArgs {
    /// Region of the services.
    #[arg(
        long,
        env = "AWS_REGION",
        default_value = "ap-northeast-2",
        hide_env_values = true
    )]
    pub aws_region: String,
    /// Id of an access key.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub aws_access_key_id: Option<String>,
    /// The access key. `@/path` reads it from a file.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub aws_secret_access_key: Option<SecretString>,
    /// Session of a temporary access key. `@/path` reads it from a file.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true, value_parser = parse_secret)]
    pub aws_session_token: Option<SecretString>,
    /// File with the token of a web identity, as a cluster mounts it.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", hide_env_values = true)]
    pub aws_web_identity_token_file: Option<String>,
    /// Role that the web identity takes on.
    #[arg(long, env = "AWS_ROLE_ARN", hide_env_values = true)]
    pub aws_role_arn: Option<String>,
    /// Where a container's credentials are given out.
    #[arg(
        long,
        env = "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        hide_env_values = true
    )]
    pub aws_container_credentials_full_uri: Option<String>,
    /// File with the token that they are given out for.
    #[arg(
        long,
        env = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        hide_env_values = true
    )]
    pub aws_container_authorization_token_file: Option<String>,
}

/// Where a bucket is.
#[derive(Clone, Debug)]
pub struct Bucket<'a> {
    /// Its name.
    pub name: &'a str,
    /// Base URL of a compatible store; Amazon's where there is none.
    pub endpoint: Option<&'a str>,
    /// Whether the bucket is the first segment of the path instead of a part of the host.
    pub path_style: bool,
}

impl AwsArgs {
    /// The objects of a bucket. Fails when the settings do not fit together.
    pub fn bucket(&self, bucket: &Bucket<'_>) -> anyhow::Result<AmazonS3> {
        let mut builder = self
            .builder(bucket.name)
            .with_virtual_hosted_style_request(!bucket.path_style);
        if let Some(endpoint) = bucket.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        builder.build().context("the settings of the bucket")
    }

    /// A client of another service, for instance `sqs`, with the same credentials.
    pub fn client(&self, service: &'static str) -> anyhow::Result<AwsClient> {
        let credentials = self.builder(ANY_BUCKET).build()?.credentials().clone();
        Ok(AwsClient {
            credentials,
            region: self.aws_region.clone(),
            service,
            http: OurHttp::default(),
        })
    }

    fn builder(&self, bucket: &str) -> AmazonS3Builder {
        let settings = [
            (
                AmazonS3ConfigKey::WebIdentityTokenFile,
                &self.aws_web_identity_token_file,
            ),
            (AmazonS3ConfigKey::RoleArn, &self.aws_role_arn),
            (
                AmazonS3ConfigKey::ContainerCredentialsFullUri,
                &self.aws_container_credentials_full_uri,
            ),
            (
                AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
                &self.aws_container_authorization_token_file,
            ),
            (AmazonS3ConfigKey::AccessKeyId, &self.aws_access_key_id),
        ];
        let secrets = [
            (
                AmazonS3ConfigKey::SecretAccessKey,
                &self.aws_secret_access_key,
            ),
            (AmazonS3ConfigKey::Token, &self.aws_session_token),
        ];
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&self.aws_region)
            .with_http_connector(OurHttp::default())
            .with_retry(RetryConfig {
                max_retries: RETRIES,
                retry_timeout: TOTAL_TIMEOUT,
                ..RetryConfig::default()
            });
        for (key, value) in settings {
            if let Some(value) = value {
                builder = builder.with_config(key, value);
            }
        }
        for (key, value) in secrets {
            if let Some(value) = value {
                builder = builder.with_config(key, value.expose_secret());
            }
        }
        builder
    }
}

/// A client of one service: signs each request and sends it once.
#[derive(Debug)]
pub struct AwsClient {
    credentials: AwsCredentialProvider,
    region: String,
    service: &'static str,
    http: OurHttp,
}

impl AwsClient {
    /// The whole answer to a request, within `timeout`.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> anyhow::Result<Response<Bytes>> {
        tokio::time::timeout(timeout, self.sign_and_send(request))
            .await
            .context(OutboundError::Late)?
    }

    async fn sign_and_send(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let credential = self
            .credentials
            .get_credential()
            .await
            .context("there are no credentials")?;
        let mut request: HttpRequest = request.map(HttpRequestBody::from);
        AwsAuthorizer::new(&credential, self.service, &self.region)
            .try_authorize(&mut request, None)?;
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let outbound = self.http.outbound(&parts.uri)?;
        let request = Request::from_parts(parts, body);
        Ok(outbound.send(request, ANSWER_TIMEOUT).await?)
    }
}

/// Our client for parties outside, as the library wants it.
#[derive(Clone, Debug, Default)]
struct OurHttp(Arc<Clients>);

#[derive(Debug, Default)]
struct Clients {
    plain: OnceLock<Outbound>,
    tls: OnceLock<Outbound>,
}

impl OurHttp {
    /// The client for that scheme. Certificates are read when the first request needs them.
    fn outbound(&self, uri: &Uri) -> anyhow::Result<&Outbound> {
        let place = match uri.scheme_str() {
            Some("https") => &self.0.tls,
            _ => &self.0.plain,
        };
        if let Some(outbound) = place.get() {
            return Ok(outbound);
        }
        let made = Outbound::to(uri)?;
        Ok(place.get_or_init(|| made))
    }
}

impl HttpConnector for OurHttp {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for OurHttp {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let outbound = self
            .outbound(&parts.uri)
            .map_err(|error| failed(HttpErrorKind::Unknown, error))?;
        let answer = outbound
            .open(Request::from_parts(parts, body), ANSWER_TIMEOUT)
            .await
            .map_err(|error| match error {
                OutboundError::Late => HttpError::new(HttpErrorKind::Timeout, error),
                OutboundError::Transport(_) => HttpError::new(HttpErrorKind::Interrupted, error),
            })?;
        Ok(answer.map(|body| {
            let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
            HttpResponseBody::new(body)
        }))
    }
}

fn failed(kind: HttpErrorKind, error: anyhow::Error) -> HttpError {
    HttpError::new_boxed(kind, error.into_boxed_dyn_error())
}
