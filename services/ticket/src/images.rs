//! Where uploaded pictures are kept: in a bucket of a store that speaks S3, or in a folder.
//!
//! A picture is there as a whole or not at all: a folder gets it under another name first, a
//! bucket by one request.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use object_store::{
    Attribute, Attributes, Error as StoreError, ObjectStore, ObjectStoreExt, PutOptions,
    local::LocalFileSystem, path::Path,
};
use tokio::sync::OnceCell;
use urr_kit::aws::{AwsArgs, Bucket};

use crate::domain::picture::Key;

/// What lies under a key never changes.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";
/// Where the gateway serves them, on the machine of a developer.
const GATEWAY_URL: &str = "http://localhost:3001/api/images";
/// What an upload that was cut off left behind is older than any upload that still runs.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// Where uploaded pictures are kept.
#[derive(clap::Args, Clone, Debug)]
pub struct ImageArgs {
    /// Bucket of uploaded pictures; where empty, they are kept in a folder.
    #[arg(
        long,
        env = "AWS_S3_BUCKET",
        default_value = "",
        hide_env_values = true
    )]
    pub aws_s3_bucket: String,
    /// Base URL of a store that is compatible with Amazon's, with the bucket's name in the
    /// host unless `AWS_S3_PATH_STYLE` is set; Amazon's own where empty.
    #[arg(
        long,
        env = "AWS_S3_ENDPOINT",
        default_value = "",
        hide_env_values = true
    )]
    pub aws_s3_endpoint: String,
    /// Whether the bucket's name is put into the path instead of the host.
    #[arg(long, env = "AWS_S3_PATH_STYLE", default_value_t = false, hide_env_values = true,
          action = clap::ArgAction::Set)]
    pub aws_s3_path_style: bool,
    /// Folder of uploaded pictures where there is no bucket; all replicas must see the same.
    #[arg(
        long,
        env = "IMAGE_DIRECTORY",
        default_value = "images",
        hide_env_values = true
    )]
    pub image_directory: PathBuf,
    /// URL that a picture's key is appended to. Where empty: the bucket's at Amazon, or for a
    /// folder that of the gateway on this machine.
    #[arg(
        long,
        env = "IMAGE_PUBLIC_URL",
        default_value = "",
        hide_env_values = true
    )]
    pub image_public_url: String,
    /// Whose credentials sign the requests.
    #[command(flatten)]
    pub aws: AwsArgs,
}

/// The pictures.
#[derive(Debug)]
pub struct Images {
    settings: ImageArgs,
    store: OnceCell<Arc<dyn ObjectStore>>,
}

/// A picture on its way out.
pub struct Found {
    /// Its length in bytes.
    pub length: u64,
    /// Its content.
    pub content: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Images {
    /// Nothing is opened yet.
    pub fn new(settings: ImageArgs) -> Self {
        Self {
            settings,
            store: OnceCell::new(),
        }
    }

    /// Fails when there is to be a bucket and its settings are wrong. A folder is made when it
    /// is needed first.
    pub async fn check(&self) -> anyhow::Result<()> {
        if !self.settings.aws_s3_bucket.is_empty() {
            self.store().await?;
        }
        Ok(())
    }

    /// Keeps a picture. When this returns without an error, it is there.
    pub async fn put(&self, key: &Key, content: Bytes) -> anyhow::Result<()> {
        let mut options = PutOptions::default();
        if !self.settings.aws_s3_bucket.is_empty() {
            options.attributes = Attributes::from_iter([
                (Attribute::ContentType, key.format().media_type()),
                (Attribute::CacheControl, CACHE_CONTROL),
            ]);
        }
        let (store, path) = (self.store().await?, Path::from(key.as_str()));
        store
            .put_opts(&path, content.into(), options)
            .await
            .context("cannot keep a picture")?;
        Ok(())
    }

    /// The picture of that key, if it is there.
    pub async fn get(&self, key: &Key) -> anyhow::Result<Option<Found>> {
        let store = self.store().await?;
        match store.get(&Path::from(key.as_str())).await {
            Ok(found) => Ok(Some(Found {
                length: found.meta.size,
                content: Box::pin(found.into_stream()),
            })),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).context("cannot read a picture"),
        }
    }

    /// Where everybody finds the picture of that key.
    pub fn url(&self, key: &Key) -> String {
        let ImageArgs {
            aws_s3_bucket: bucket,
            image_public_url: public,
            aws,
            ..
        } = &self.settings;
        let base = match (public.as_str(), bucket.as_str()) {
            ("", "") => GATEWAY_URL.to_owned(),
            ("", bucket) => format!("https://{bucket}.s3.{}.amazonaws.com", aws.aws_region),
            (public, _) => public.trim_end_matches('/').to_owned(),
        };
        format!("{base}/{}", key.as_str())
    }

    /// Removes what uploads into a folder left behind when they were cut off before `now`.
    pub async fn clear_up(&self, now: Timestamp) -> anyhow::Result<()> {
        if !self.settings.aws_s3_bucket.is_empty() || !self.settings.image_directory.exists() {
            return Ok(());
        }
        let folder = self.settings.image_directory.join("files");
        let Ok(mut files) = tokio::fs::read_dir(&folder).await else {
            return Ok(());
        };
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let is_whole = Key::parse(&format!("files/{}", name.to_string_lossy())).is_some();
            let written = Timestamp::try_from(file.metadata().await?.modified()?)?;
            if !is_whole && now.duration_since(written).unsigned_abs() > LEFT_BEHIND {
                tokio::fs::remove_file(file.path()).await?;
            }
        }
        Ok(())
    }

    async fn store(&self) -> anyhow::Result<&Arc<dyn ObjectStore>> {
        self.store.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> anyhow::Result<Arc<dyn ObjectStore>> {
        let settings = &self.settings;
        if settings.aws_s3_bucket.is_empty() {
            let folder = &settings.image_directory;
            tokio::fs::create_dir_all(folder)
                .await
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
            return Ok(Arc::new(store));
        }
        let endpoint = settings.aws_s3_endpoint.as_str();
        let bucket = settings.aws.bucket(&Bucket {
            name: &settings.aws_s3_bucket,
            endpoint: (!endpoint.is_empty()).then_some(endpoint),
            path_style: settings.aws_s3_path_style,
        })?;
        Ok(Arc::new(bucket))
    }
}
